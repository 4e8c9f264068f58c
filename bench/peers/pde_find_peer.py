"""pde_find_peer.py FILE FIELD TIME DEGREE ORDER STEP [noisy HALF_X HALF_T FIT_DEGREE]: the sparse regression of Rudy et al. 2017.

Written from the paper's description (doi:10.1126/sciadv.1602614) with numpy: derivatives by central differences of second
order, line by line, or, of noisy data, by a Chebyshev fit around every point; columns u^p d^q u in complex numbers; ridge
regression on unit columns with a sequential threshold, whose height is searched in 25 steps on a fifth of the rows kept
back, each column more at the price of 1e-3 cond. Prints one line of JSON: the terms, and the CPU seconds after the imports of
all and of its three stages.
"""

import json
import sys
import time

import numpy as np
from numpy.polynomial.chebyshev import Chebyshev
from scipy.io import loadmat

RIDGE, TEST_SHARE, PENALTY, TOLERANCE_STEPS, ROUNDS = 1e-5, 0.2, 1e-3, 25, 10


def difference(u, h, order):
    """Central differences of second order along one line, one-sided at its ends; orders above 3 one by one."""
    if order > 3:
        return difference(difference(u, h, 3), h, order - 3)
    d = np.zeros_like(u)
    if order == 1:
        d[1:-1] = (u[2:] - u[:-2]) / (2 * h)
        d[0] = (-1.5 * u[0] + 2 * u[1] - 0.5 * u[2]) / h
        d[-1] = (1.5 * u[-1] - 2 * u[-2] + 0.5 * u[-3]) / h
    elif order == 2:
        d[1:-1] = (u[2:] - 2 * u[1:-1] + u[:-2]) / h**2
        d[0] = (2 * u[0] - 5 * u[1] + 4 * u[2] - u[3]) / h**2
        d[-1] = (2 * u[-1] - 5 * u[-2] + 4 * u[-3] - u[-4]) / h**2
    else:
        d[2:-2] = (u[4:] / 2 - u[3:-1] + u[1:-3] - u[:-4] / 2) / h**3
        ends = np.array([-2.5, 9, -12, 7, -1.5]) / h**3
        d[0], d[1] = ends @ u[:5], ends @ u[1:6]
        d[-1], d[-2] = -ends @ u[:-6:-1], -ends @ u[-2:-7:-1]
    return d


def fitted(u, x, half_width, degree, orders):
    """Derivatives of a Chebyshev fit around each point that has half_width points on either side: [orders][points]."""
    out = np.zeros((len(orders), len(u) - 2 * half_width), dtype=u.dtype)
    for i in range(half_width, len(u) - half_width):
        near = slice(i - half_width, i + half_width)
        fit = Chebyshev.fit(x[near], u[near], degree)
        for row, order in enumerate(orders):
            out[row, i - half_width] = fit.deriv(order)(x[i]) if order else fit(x[i])
    return out


def system(u, dx, dt, x, t, degree, order, noisy):
    """The columns u^p d^q u and the left side u_t, a row a point."""
    n, m = u.shape
    if noisy:
        half_x, half_t, fit_degree = noisy
        inner = u[half_x : n - half_x, half_t : m - half_t]
        rate = np.array([fitted(row, t, half_t, fit_degree, [1])[0] for row in u[half_x : n - half_x].real])
        lines = [fitted(column, x, half_x, fit_degree, list(range(1, order + 1))) for column in u[:, half_t : m - half_t].real.T]
        derivatives = [np.array([line[q] for line in lines]).T for q in range(order)]
    else:
        inner = u
        rate = np.array([difference(row, dt, 1) for row in u])
        derivatives = [np.array([difference(column, dx, q) for column in u.T]).T for q in range(1, order + 1)]
    d = [np.ones(inner.size, dtype=complex)] + [part.ravel().astype(complex) for part in derivatives]
    columns, names = [], []
    for q, part in enumerate(d):
        for p in range(degree + 1):
            columns.append(inner.ravel().astype(complex) ** p * part)
            power = "" if p == 0 else "u" if p == 1 else f"u^{p}"
            names.append("*".join(word for word in (power, "u_" + "x" * q if q else "") if word) or "1")
    return np.array(columns).T, rate.ravel().astype(complex), names


def thresholded(g, b, tolerance):
    """Ridge regression on unit columns; what is below the tolerance is dropped, up to ten times; then least squares."""
    length = np.linalg.norm(g, axis=0)
    g = g / length
    kept = np.arange(g.shape[1])
    xi = np.zeros(g.shape[1], dtype=complex)
    for _ in range(ROUNDS):
        part = g[:, kept]
        solved = np.linalg.lstsq(part.conj().T @ part + RIDGE * np.eye(len(kept)), part.conj().T @ b, rcond=None)[0]
        large = kept[np.abs(solved) > tolerance]
        if len(large) in (0, len(kept)):
            break
        kept = large
    xi[kept] = np.linalg.lstsq(g[:, kept], b, rcond=None)[0]
    return xi / length


def train(g, b, step):
    order = np.random.default_rng(0).permutation(len(b))
    test, rest = order[: int(TEST_SHARE * len(b))], order[int(TEST_SHARE * len(b)) :]
    penalty = PENALTY * np.linalg.cond(g)

    def loss(xi):
        return np.linalg.norm(b[test] - g[test] @ xi) + penalty * np.count_nonzero(xi)

    best = np.linalg.lstsq(g[rest], b[rest], rcond=None)[0]
    least, tolerance = loss(best), step
    for i in range(TOLERANCE_STEPS):
        xi = thresholded(g[rest], b[rest], tolerance)
        value = loss(xi)
        if value <= least:
            best, least = xi, value
        else:
            tolerance = max(0, tolerance - 2 * step)
            step = 2 * step / (TOLERANCE_STEPS - i)
        tolerance += step
    return best


def main():
    path, field, time_name, degree, order, step = sys.argv[1:7]
    noisy = [int(word) for word in sys.argv[8:11]] if sys.argv[7:8] == ["noisy"] else None
    start = time.process_time()
    data = loadmat(path)
    x, t = data["x"].ravel(), data[time_name].ravel()
    u = np.real(data[field])
    if noisy:
        u = u + 0.01 * np.std(u) * np.random.default_rng(0).standard_normal(u.shape)
    read = time.process_time()
    g, b, names = system(u, x[1] - x[0], t[1] - t[0], x, t, int(degree), int(order), noisy)
    built = time.process_time()
    xi = train(g, b, float(step))
    done = time.process_time()
    terms = {name: float(c.real) for name, c in zip(names, xi) if c != 0}
    stages = {"read": read - start, "system": built - read, "regression": done - built}
    print(json.dumps({"terms": terms, "seconds": done - start, "stages": stages, "version": np.__version__}))


main()
