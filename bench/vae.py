"""Times the training of VAEs: lvm beside PyTorch, the same architecture, rows, batches and optimiser, one thread and two."""
import json
import os
import pathlib
import statistics
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROWS, HELD_OUT = 12_000, 2_000
EPOCHS = {"mlp": (1, 5), "conv": (1, 2)}  # of lvm: what one more epoch costs


def make_pictures(path):
    """Pictures of 28 x 28 pixels in 0 ... 1: three strokes each, as smooth and as sparse as digits."""
    rng = np.random.default_rng(2014)
    grid = np.arange(28.0)
    rows = np.zeros((ROWS, 28, 28))
    for _ in range(3):
        at = rng.uniform(6, 22, size=(2, ROWS, 1, 1))
        angle = rng.uniform(0, np.pi, size=(ROWS, 1, 1))
        y, x = grid[None, :, None] - at[0], grid[None, None, :] - at[1]
        along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        rows = np.maximum(rows, 1.6 * np.exp(-0.5 * (along / 4) ** 2 - 0.5 * (across / 1.1) ** 2))
    rows[rows < 0.1] = 0
    np.save(path, np.minimum(rows, 1).reshape(ROWS, 784))


def measured(command, threads):
    """The JSON that a program prints, and the most memory that it held, in MiB."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    process = subprocess.Popen([str(c) for c in command], env=os.environ | {name: str(threads) for name in names}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return json.loads(text), usage.ru_maxrss / 1024


def time_lvm(lvmc, path, kind, threads, precision):
    def fit(epochs):
        return measured([lvmc, "run", HERE / f"peers/vae_{kind}.lvm", path, "--set", f"fit.epochs={epochs}", "--set", f"fit.holdout={HELD_OUT}",
                         "--precision", precision, "--threads", threads, "--seed", 1, "--no-folder", "--json"], threads)

    def training(run):  # without the bounds of rows, which the epochs of the peer leave out too
        return run["timing"]["fit"] - run["profile"]["functions"]["bound"]["seconds"]

    few, many = EPOCHS[kind]
    short, _ = fit(few)
    long, memory = fit(many)
    seconds = (training(long) - training(short)) / (many - few)
    return {"rows_per_second": (ROWS - HELD_OUT) / seconds, "bound": long["held_out"]["per_row"], "memory": memory, "compile": long["timing"]["compile"]}


def time_torch(path, kind, threads):
    result, memory = measured(["/usr/bin/python3", HERE / "peers/torch_vae.py", path, kind, EPOCHS[kind][1], threads, HELD_OUT], threads)
    return result | {"memory": memory}


def library_rate(program, threads, precision):
    """The GFLOP/s of the products of the dense model by themselves, and the MFLOP that a row costs; none where there are no such products."""
    run = subprocess.run([program, precision, str(threads)], stdout=subprocess.PIPE, check=False)
    return json.loads(run.stdout) if run.returncode == 0 else None


def vae(options, table):
    path = options.work / "pictures.npy"
    if not path.exists():  # in a process of its own: what this one holds would count as memory of those that it starts
        subprocess.run([sys.executable, __file__, path], check=True)
    program = options.lvmc.parent / "lvm_bench_products"
    subprocess.run(["cmake", "--build", options.lvmc.parent, "--target", program.name], stdout=subprocess.DEVNULL, check=True)
    rows = [["model", "threads", "precision", "lvm rows/s", "PyTorch rows/s", "lvm / PyTorch", "oneDNN alone", "held-out bound: lvm", "PyTorch", "memory MiB: lvm", "PyTorch",
             "compile s"]]
    for kind in options.model or EPOCHS:
        for threads in (1, 2):
            for precision in options.precision or ("single", "bf16"):
                rate = library_rate(program, threads, precision)
                if rate is None:
                    continue
                runs = [(time_lvm(options.lvmc, path, kind, threads, precision), time_torch(path, kind, threads)) for _ in range(options.repeats)]
                ours, theirs = ({key: statistics.median(run[i][key] for run in runs) for key in runs[0][i]} for i in (0, 1))
                share = 1e-3 * rate["mflop_a_row"] * ours["rows_per_second"] / rate["gflops"]
                rows.append([kind, str(threads), precision, f"{ours['rows_per_second']:,.0f}", f"{theirs['rows_per_second']:,.0f}",
                             f"{ours['rows_per_second'] / theirs['rows_per_second']:.2f}", f"{share:.0%} of {rate['gflops']:.0f}" if kind == "mlp" else "",
                             f"{ours['bound']:.2f}", f"{theirs['bound']:.2f}", f"{ours['memory']:.0f}", f"{theirs['memory']:.0f}", f"{ours['compile']:.2f}"])
    print(f"training, batches of 128, Adam; PyTorch in single precision; \"oneDNN alone\": what the products of a step reach of the library's own rate in GFLOP/s; "
          f"median of {options.repeats}\n\n{table(rows)}\n")


if __name__ == "__main__":
    make_pictures(pathlib.Path(sys.argv[1]))
