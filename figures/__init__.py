"""The gallery: each figure lays the exact theory of `analytic` over the simulations of `physim`.

A figure is a module with `compute(quick) -> xarray.Dataset` and `draw(dataset) -> matplotlib Figure`; its
docstring is the caption. `python -m figures` computes, draws and writes one page with the measured
agreement.
"""

FIGURES = (
    "spontaneous_symmetry_breaking",
    "generative_bandwidth",
    "variance_peak_clock",
    "clone_speciation",
    "information_is_dissipation",
    "when_does_it_break",
    "first_order_speciation",
    "no_bifurcation",
    "nested_decisions",
    "integrator_orders",
    "cost_to_accuracy",
    "weights_and_grids",
    "curie_weiss_free_energy",
    "mean_field_zoo",
    "first_order_path",
    "hopfield",
    "curie_weiss_speciation",
    "broken_symmetries",
    "binder_crossing",
    "critical_scaling",
    "single_path_decisions",
    "score_as_filter",
    "semantic_partitions",
    "manifold_spectrum",
    "critical_windows",
    "entropic_grids",
    "hysteresis_and_escape",
    "desai_zwanzig",
    "bifurcation_gallery",
    "fold_and_cusp",
    "attractor_merge_tree",
    "location_calibration",
    "location_cost",
    "u_turn_hierarchy",
    "recovered_transitions",
    "validation_table",
)
