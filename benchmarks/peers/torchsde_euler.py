"""torchsde: sdeint with method "euler", diagonal noise, its default Brownian motion."""

from functools import partial

import torch
import torchsde

from benchmarks import problem
from benchmarks.contestants import Contestant

PACKAGES = ("torchsde",)


def contestants(cores):
    """One row."""
    return [Contestant("torchsde Euler", partial(run, cores), cores, at_least=125, largest=1 << 17)]


class Reverse(torch.nn.Module):
    """The reverse SDE in the time s = START - t."""

    noise_type, sde_type = "diagonal", "ito"

    def f(self, s, x):
        """Drift."""
        alpha = torch.exp(s - problem.START)
        gamma = 1 - alpha**2
        return x - 2 * x / gamma + (2 * alpha / gamma) * torch.tanh(alpha / gamma * x)

    def g(self, s, x):
        """Noise."""
        return torch.full_like(x, 2**0.5)


@torch.inference_mode()
def run(cores, trajectories):
    """Mean and variance at the recorded steps."""
    torch.set_num_threads(cores)
    torch.manual_seed(problem.SEED)
    alpha, sigma = problem.start_law()
    sign = 2 * torch.bernoulli(torch.full((trajectories, 1), 0.5, dtype=torch.float64)) - 1
    start = alpha * sign + sigma * torch.randn(trajectories, 1, dtype=torch.float64)
    walked = torch.from_numpy(problem.START - problem.times())
    times = walked[:: problem.RECORD_EVERY]
    dt = (problem.START - problem.STOP) / problem.STEPS
    states = torchsde.sdeint(Reverse(), start, times, dt=dt, method="euler")[1:, :, 0]
    return states.mean(dim=1).tolist(), states.var(dim=1, correction=0).tolist()
