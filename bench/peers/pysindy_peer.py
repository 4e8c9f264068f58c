"""pysindy_peer.py FILE FIELD TIME ORDER THRESHOLD [weak]: the equation of a field in a MAT file, as PySINDy's users write it.

Prints one line of JSON: the terms with their coefficients, and the CPU seconds after the imports. Products of powers of u
up to 2 with space derivatives up to ORDER, sequentially thresholded ridge regression on unit columns; derivatives by
finite differences, or (weak) integrals over 2000 random domains.
"""

import json
import sys
import time

import numpy as np
import pysindy as ps
from scipy.io import loadmat


def main():
    path, field, time_name, order, threshold = sys.argv[1:6]
    weak = "weak" in sys.argv[6:]
    start = time.process_time()
    np.random.seed(0)
    data = loadmat(path)
    x, t = data["x"].ravel(), data[time_name].ravel()
    u = np.real(data[field])[:, :, np.newaxis]
    powers = ps.PolynomialLibrary(degree=2, include_bias=False)
    if weak:
        grid = np.stack(np.meshgrid(x, t, indexing="ij"), axis=-1)
        library = ps.WeakPDELibrary(powers, derivative_order=int(order), spatiotemporal_grid=grid, K=2000)
    else:
        library = ps.PDELibrary(powers, derivative_order=int(order), spatial_grid=x)
    solver = ps.STLSQ(threshold=float(threshold), alpha=1e-5, normalize_columns=True)
    model = ps.SINDy(feature_library=library, optimizer=solver)
    model.fit(u, t=t if weak else t[1] - t[0], feature_names=["u"])
    names = model.get_feature_names()
    found = {name: float(c) for name, c in zip(names, model.coefficients()[0]) if c != 0}
    print(json.dumps({"terms": found, "seconds": time.process_time() - start, "version": ps.__version__}))


main()
