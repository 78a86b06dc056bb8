"""PyTorch, eager: a Python loop over the steps with in-place operations on preallocated tensors."""

from functools import partial

import torch

from benchmarks import problem
from benchmarks.contestants import Contestant

PACKAGES = ("torch",)


def contestants(cores):
    """One row."""
    return [Contestant("torch eager loop", partial(run, cores), cores, at_least=16)]


@torch.inference_mode()
def run(cores, trajectories):
    """Mean and variance at the recorded steps."""
    torch.set_num_threads(cores)
    generator = torch.Generator().manual_seed(problem.SEED)
    alpha, sigma = problem.start_law()
    x, z, u = torch.empty((3, trajectories), dtype=torch.float64)
    x.normal_(generator=generator).mul_(sigma)
    x.add_(torch.bernoulli(torch.full_like(x, 0.5), generator=generator), alpha=2 * alpha).sub_(alpha)
    mean, var = [], []
    for n, (a, b, c, s) in enumerate(problem.coefficients().tolist(), 1):
        torch.mul(x, c, out=u).tanh_()
        z.normal_(generator=generator)
        x.mul_(a).add_(u, alpha=b).add_(z, alpha=s)
        if n % problem.RECORD_EVERY == 0:
            mean.append(x.mean().item())
            var.append(x.var(correction=0).item())
    return mean, var
