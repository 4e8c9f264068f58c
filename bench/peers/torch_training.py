"""The training of a flow in PyTorch, as one who knows it well would write it: reads one JSON request from standard input.

  {"case": {...}, "file": IN}   IN holds the data, the first parameters, the order of the rows and the rate of every epoch

Answers {"description": ..., "seconds": [...], "accuracy": [...], "objective": [...]}: of each epoch, its time with the
evaluation on the test part, the accuracy there, and the objective on the way.
"""

import json
import sys
import time

import numpy as np
import torch

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "gelu": torch.nn.functional.gelu}

request = json.loads(sys.stdin.readline())
case = request["case"]
with np.load(request["file"]) as file:
    given = {name: torch.from_numpy(file[name]) for name in file.files}
torch.set_num_threads(case["threads"])
sigma = ACTIVATIONS[case["activation"]]
h, K, d = case["h"], case["K"], case["d"]

control = given["control"]
W = torch.nn.Parameter(control[:, : d * d].reshape(K, d, d).clone())
b = torch.nn.Parameter(control[:, d * d :].clone())
trained = [W, b]


def parameter(name):
    if name not in given:
        return None
    trained.append(torch.nn.Parameter(given[name].clone()))
    return trained[-1]


lift_weight, lift_bias = parameter("lift_weight"), parameter("lift_bias")
head_weight = parameter("head_weight") if case["head_trained"] else given["head_weight"]
head_bias = parameter("head_bias")
optimiser = torch.optim.Adam(trained, lr=1)


def lift(x):
    if lift_weight is not None:
        return torch.addmm(lift_bias, x, lift_weight.t())
    return torch.nn.functional.pad(x, (0, d - x.shape[1]))


def read(x):
    return torch.mm(x, head_weight.t()) if head_bias is None else torch.addmm(head_bias, x, head_weight.t())


def cost(z, y):
    if case["loss"] == "cross_entropy":
        return torch.nn.functional.cross_entropy(z, y)
    return torch.nn.functional.mse_loss(z, y) * z.shape[1]


def rate(x, k, Wt, bs):
    if case["field"] == "inner":
        return torch.addmm(bs[k], sigma(x), Wt[k])
    return sigma(torch.addmm(bs[k], x, Wt[k]))


def objective(x, y):
    Wt, bs = W.transpose(1, 2).unbind(0), b.unbind(0)
    x = lift(x)
    nodes = [x]
    for k in range(K):
        x = torch.add(x, rate(x, k, Wt, bs), alpha=h)
        nodes.append(x)
    value = case["lambda"] * h * (W.square().sum() + b.square().sum())
    if case["running"]:  # the cost at all nodes in one call
        repeated = y.repeat((K,) + (1,) * (y.dim() - 1))
        value = value + case["running"] * h * K * cost(read(torch.cat(nodes[:-1])), repeated)
    if case["terminal"]:
        value = value + case["terminal"] * cost(read(x), y)
    return value


def accuracy():
    with torch.no_grad():
        right = 0
        Wt, bs = W.transpose(1, 2).unbind(0), b.unbind(0)
        for x, target in zip(given["x_test"].split(2048), given["target_test"].split(2048)):
            x = lift(x)
            for k in range(K):
                x = torch.add(x, rate(x, k, Wt, bs), alpha=h)
            z = read(x)
            decided = (z[:, 0] > 0).long() if case["signs"] else z.argmax(1)
            right += int((decided == target).sum())
        return right / len(given["target_test"])


x, y = given["x_train"], given["y_train"]
seconds, scores, objectives = [], [], []
for epoch, step_size in enumerate(given["rates"].tolist()):
    start = time.perf_counter()
    optimiser.param_groups[0]["lr"] = step_size
    batches = given["order"][epoch].split(case["batch"]) if "order" in given else [None]
    total = 0.0
    for rows in batches:
        optimiser.zero_grad(set_to_none=True)
        value = objective(x, y) if rows is None else objective(x[rows], y[rows])
        value.backward()
        optimiser.step()
        total += float(value.detach()) * (len(x) if rows is None else len(rows))
    scores.append(accuracy())
    seconds.append(time.perf_counter() - start)
    objectives.append(total / len(x))
print(
    json.dumps(
        {
            "description": f"PyTorch {torch.__version__} eager, torch.optim.Adam",
            "seconds": seconds,
            "accuracy": scores,
            "objective": objectives,
        }
    )
)
