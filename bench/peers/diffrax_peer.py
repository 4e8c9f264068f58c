"""The gradient by diffrax: diffeqsolve with constant steps, compiled by jax.jit; the running cost is one more state."""

import os
import sys

# XLA asks for its threads when it starts.
threads = int(sys.argv[1])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

import time

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

import peer

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)

ACTIVATIONS = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.01),
    "elu": jax.nn.elu,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "sine": jnp.sin,
    "identity": lambda x: x,
}


class OnCells(diffrax.AbstractWrappedSolver):
    """The solver within, with args (u, k), k the step's own cell: a stage at the cell's end is still of it."""

    solver: diffrax.AbstractSolver
    h: float

    term_structure = property(lambda self: self.solver.term_structure)
    interpolation_cls = property(lambda self: self.solver.interpolation_cls)
    term_compatible_contr_kwargs = property(lambda self: self.solver.term_compatible_contr_kwargs)

    def bound(self, t0, t1, args):
        return args[0], jnp.floor((t0 + t1) / (2 * self.h)).astype(int)

    def order(self, terms):
        return self.solver.order(terms)

    def init(self, terms, t0, t1, y0, args):
        return self.solver.init(terms, t0, t1, y0, self.bound(t0, t1, args))

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        return self.solver.step(terms, t0, t1, y0, self.bound(t0, t1, args), solver_state, made_jump)

    def func(self, terms, t0, y0, args):
        return self.solver.func(terms, t0, y0, self.bound(t0, t0, args))


def given_solver(tableau, order):
    # A last stage that is not in the sum would be carried into the next step as its first one: but there the control jumps.
    used = max(i for i, weight in enumerate(tableau["b"]) if weight) + 1
    a, b, c = tableau["a"][:used], np.array(tableau["b"][:used]), np.array(tableau["c"][:used])

    class Given(diffrax.AbstractERK):
        tableau = diffrax.ButcherTableau(
            a_lower=tuple(np.array(row) for row in a[1:]), b_sol=b, b_error=np.zeros_like(b), c=c[1:]
        )
        interpolation_cls = diffrax.ThirdOrderHermitePolynomialInterpolation.from_k

        def order(self, terms):
            return order

    return Given()


def solver_of(case):
    own = {"euler": diffrax.Euler, "midpoint": diffrax.Midpoint, "heun": diffrax.Heun}
    if case["scheme"] in own:
        return own[case["scheme"]](), f"its own {own[case['scheme']].__name__}"
    return given_solver(case["tableau"], 4), "this tableau"


def prepare(case, arrays):
    if case["tableau"] is None:
        raise ValueError("this peer is written for Runge-Kutta schemes")
    u0 = {name: jnp.asarray(value) for name, value in peer.split(case, arrays["control"]).items()}
    x0, weight, y = (jnp.asarray(arrays[name]) for name in ("x0", "weight", "y"))
    h, K, dtype = case["h"], case["K"], x0.dtype
    sigma = ACTIVATIONS[case["activation"]]
    solver, kind = solver_of(case)

    def rate(x, args):
        u = {name: jax.lax.dynamic_index_in_dim(leaf, args[1], keepdims=False) for name, leaf in args[0].items()}
        field = case["field"]
        if field == "inner":
            return sigma(x) @ u["W"].T + u["b"]
        if field == "bottleneck":
            return sigma(x @ u["W1"].T + u["b1"]) @ u["W2"].T + u["b2"]
        if field == "hamiltonian":
            q, p = jnp.split(x, 2, 1)
            return sigma(jnp.concatenate([p @ u["W"].T + u["bq"], u["bp"] - q @ u["W"]], 1))
        if field == "antisymmetric":
            return sigma(x @ (u["W"] - u["W"].T).T + u["b"])
        return sigma(x @ u["W"].T + u["b"])

    def cost(x):
        z = x @ weight.T
        if case["loss"] == "cross_entropy":
            return jnp.mean(jax.nn.logsumexp(z, 1) - jnp.take_along_axis(z, y[:, None], 1)[:, 0])
        return jnp.mean(jnp.sum((z - y) ** 2, 1))

    def gradient_with(adjoint):
        def objective(u):
            solution = diffrax.diffeqsolve(
                diffrax.ODETerm(lambda t, state, args: (rate(state[0], args), cost(state[0]))),
                OnCells(solver, h),
                t0=0.0,
                t1=h * K,
                dt0=None,
                y0=(x0, jnp.zeros((), dtype)),
                args=(u, jnp.asarray(0)),
                stepsize_controller=diffrax.StepTo(jnp.linspace(0.0, h * K, K + 1)),
                saveat=diffrax.SaveAt(t1=True),
                adjoint=adjoint,
                max_steps=K + 1,
            )
            x, integral = solution.ys[0][-1], solution.ys[1][-1]
            return integral + cost(x) + case["lambda"] * h * sum(jnp.sum(leaf**2) for leaf in u.values())

        compiled = jax.jit(jax.grad(objective))
        return lambda: jax.block_until_ready(compiled(u0))

    # All states kept, or checkpoints as diffrax chooses them: whichever is faster here.
    choices = {
        "all states kept": gradient_with(diffrax.RecursiveCheckpointAdjoint(checkpoints=K + 1)),
        "its own checkpoints": gradient_with(diffrax.RecursiveCheckpointAdjoint()),
    }
    seconds = {}
    for name, run in choices.items():
        run()
        took = []
        for _ in range(3):
            start = time.perf_counter()
            run()
            took.append(time.perf_counter() - start)
        seconds[name] = min(took)
    best = min(seconds, key=seconds.get)
    versions = f"JAX {jax.__version__}, diffrax {diffrax.__version__}"
    return choices[best], lambda gradient: gradient, f"{versions}: diffeqsolve under jit, {kind}, {best}"


peer.serve(prepare)
