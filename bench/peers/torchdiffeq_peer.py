"""The gradient by torchdiffeq: odeint on a fixed grid, differentiated through its steps; the running cost is one more state."""

import torch
import torchdiffeq
from torchdiffeq._impl.odeint import SOLVERS
from torchdiffeq._impl.solvers import FixedGridODESolver

import peer

ACTIVATIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "sigmoid": torch.sigmoid,
    "softplus": lambda x: torch.nn.functional.softplus(x, threshold=40),
    "gelu": torch.nn.functional.gelu,
    "sine": torch.sin,
    "identity": lambda x: x,
}


class Field(torch.nn.Module):
    """x' = f(x; u_k), I' = g(P x; y) on the k-th cell: torchdiffeq says when a step begins."""

    def __init__(self, case, arrays):
        super().__init__()
        self.case = case
        self.u = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.from_numpy(value)) for name, value in peer.split(case, arrays["control"]).items()}
        )
        self.weight = torch.from_numpy(arrays["weight"]).t()
        self.y = torch.from_numpy(arrays["y"])
        self.sigma = ACTIVATIONS[case["activation"]]

    def begin(self):
        """One unbind a gradient: indexing u[k] would fill a table of zeros a layer on the way back."""
        rows = {}
        for name, value in self.u.items():
            if self.case["field"] == "antisymmetric" and name == "W":
                value = value - value.transpose(1, 2)
            rows[name] = value.unbind(0)
        self.rows, self.k = rows, -1

    def callback_step(self, t0, y0, dt):
        self.k += 1

    def rate(self, x):
        u = {name: rows[self.k] for name, rows in self.rows.items()}
        field = self.case["field"]
        if field == "inner":
            return torch.addmm(u["b"], self.sigma(x), u["W"].t())
        if field == "bottleneck":
            return torch.addmm(u["b2"], self.sigma(torch.addmm(u["b1"], x, u["W1"].t())), u["W2"].t())
        if field == "hamiltonian":
            q, p = x.chunk(2, 1)
            first = torch.addmm(u["bq"], p, u["W"].t())
            second = torch.addmm(u["bp"], q, u["W"], alpha=-1)
            return self.sigma(torch.cat([first, second], 1))
        return self.sigma(torch.addmm(u["b"], x, u["W"].t()))

    def cost(self, x):
        z = torch.mm(x, self.weight)
        if self.case["loss"] == "cross_entropy":
            return torch.nn.functional.cross_entropy(z, self.y)
        return torch.nn.functional.mse_loss(z, self.y)

    def forward(self, t, state):
        x = state[0]
        return self.rate(x), self.cost(x)


def solver_of(tableau):
    """A fixed-grid solver of torchdiffeq with this tableau; its own 'rk4' is Kutta's 3/8 rule."""

    class Given(FixedGridODESolver):
        order = 1

        def _step_func(self, func, t0, dt, t1, y0):
            rates = []
            for row, b, c in zip(tableau["a"], tableau["b"], tableau["c"]):
                y = y0
                for weight, rate in zip(row, rates):
                    if weight:
                        y = y + dt * weight * rate
                rates.append(func(t0 + c * dt, y))
            return dt * sum(b * rate for b, rate in zip(tableau["b"], rates) if b), rates[0]

    return Given


def prepare(case, arrays):
    if case["tableau"] is None:
        raise ValueError("torchdiffeq has no partitioned schemes")
    torch.set_num_threads(case["threads"])
    field = Field(case, arrays)
    x0 = torch.from_numpy(arrays["x0"])
    h, K = case["h"], case["K"]
    t = torch.tensor([0, h * K], dtype=x0.dtype)
    grid = torch.linspace(0, h * K, K + 1, dtype=x0.dtype)
    method = case["scheme"]
    if method not in ("euler", "midpoint"):
        method = "given"
        SOLVERS[method] = solver_of(case["tableau"])
    leaves = list(field.u.values())

    def run():
        field.begin()
        options = {"grid_constructor": lambda func, y0, t: grid}
        x, integral = torchdiffeq.odeint(field, (x0, x0.new_zeros(())), t, method=method, options=options)
        loss = integral[-1] + field.cost(x[-1]) + case["lambda"] * h * sum(leaf.square().sum() for leaf in leaves)
        return torch.autograd.grad(loss, leaves)

    def numpy(gradients):
        return {name: value.numpy() for name, value in zip(field.u.keys(), gradients)}

    versions = f"PyTorch {torch.__version__}, torchdiffeq {torchdiffeq.__version__}"
    return run, numpy, f"{versions}: odeint, {'its own ' + method if method != 'given' else 'this tableau'} on a fixed grid"


peer.serve(prepare)
