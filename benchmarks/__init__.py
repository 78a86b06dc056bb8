"""The ensemble loop against other ways to write it: one problem, the same statistics, one run."""
