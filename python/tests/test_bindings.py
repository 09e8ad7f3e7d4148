"""The bindings: what goes in without a copy, what comes out, and what is said of mistakes."""
import contextlib
import gc
import io
import pickle
import sys
import threading
import unittest

try:
    import numpy as np
    import lvm
    from arrow import Batch
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

MODEL = "examples/gmm.lvm"


def faithful():
    return np.genfromtxt("examples/data/faithful.csv", delimiter=",", skip_header=1)


class Bindings(unittest.TestCase):
    def test_fit_and_questions(self):
        X = faithful()
        model = lvm.Model(MODEL, settings={"K": 2}).fit(X)
        self.assertAlmostEqual(model.score(X) * len(X), -1130.264, places=2)  # mclust 6.0, VVV
        self.assertEqual(model.parameters_["cov"].shape, (2, 2, 2))
        self.assertTrue(model.converged_)
        self.assertTrue(all(b >= a - 1e-9 for a, b in zip(model.trace_, model.trace_[1:])))
        self.assertEqual(model.predict_proba(X).shape, (272, 2))
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
        np.testing.assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))
        self.assertEqual(set(model.sample(5)), {"x1", "x2", "z"})
        drawn, again = (model.sample(5, random_state=np.random.RandomState(3)) for _ in range(2))
        np.testing.assert_array_equal(drawn["x1"], again["x1"])
        scorer = model.scorer()
        self.assertAlmostEqual(scorer(list(X[3])), model.score_samples(X)[3], places=12)

    def test_strides_and_types(self):
        X = faithful()
        expected = lvm.Model(MODEL, settings={"K": 2}).fit(X).parameters_["mean"]
        for other in (np.asfortranarray(X), X[::1, :], np.repeat(X, 2, axis=0)[::2], X.astype(">f8")):
            got = lvm.Model(MODEL, settings={"K": 2}).fit(other).parameters_["mean"]
            np.testing.assert_array_equal(got, expected)
        columns = {"eruptions": X[:, 0], "waiting": X[:, 1].astype(np.int16)}
        np.testing.assert_array_equal(lvm.Model(MODEL, settings={"K": 2}).fit(columns).parameters_["mean"], expected)

    def test_large_array_is_not_copied(self):
        import resource
        rows = 400_000
        X = np.random.default_rng(1).normal(size=(rows, 32)) + (np.arange(rows) % 2 * 4)[:, None]
        model = lvm.Model(MODEL.replace("gmm", "gmm_diagonal"), settings={"K": 2}, iterations=1)
        model.fit(X[:100])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        table = lvm._lvm.Table([(f"x{i + 1}", X[:, i], []) for i in range(32)])
        options = lvm._lvm.Options(iterations=1, restarts=None, tolerance=None, seed=None, accelerate=None, threads=1, updatable=False)
        model._compiled().fit(table, options, None, None)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        self.assertLess(grown, 0.35 * X.nbytes / 2**20)

    def test_series_by_columns(self):
        years = np.genfromtxt("examples/data/discoveries.csv", delimiter=",", skip_header=1)
        order = np.random.default_rng(5).permutation(len(years))
        model = lvm.Model("examples/hidden_markov.lvm")
        in_order = model.fit({"year": years[:, 0].astype(np.int32), "inventions": years[:, 1]}).score_samples({"year": years[:, 0], "inventions": years[:, 1]})
        mixed = {"year": years[order, 0].astype(np.int32), "inventions": years[order, 1]}
        np.testing.assert_array_equal(model.score_samples(mixed), in_order[order])
        self.assertIn("z_path", model.posterior(mixed))
        with self.assertRaisesRegex(lvm.Error, "sequence"):
            model.scorer()

    def test_arrow(self):
        X = faithful()
        expected = lvm.Model(MODEL, settings={"K": 2}).fit(X)
        batch = Batch({"eruptions": np.ascontiguousarray(X[:, 0]), "waiting": np.ascontiguousarray(X[:, 1])})
        model = lvm.Model(MODEL, settings={"K": 2}).fit(batch)
        np.testing.assert_array_equal(model.parameters_["cov"], expected.parameters_["cov"])
        gc.collect()
        self.assertGreaterEqual(batch.released, 2)  # of the schema and the array; their children are theirs

    def test_plot(self):
        try:
            import matplotlib
        except ImportError:
            self.skipTest("Matplotlib is not installed")
        matplotlib.use("Agg")
        model = lvm.Model(MODEL, settings={"K": 2}).fit(faithful())
        line = model.plot().lines[0]
        np.testing.assert_array_equal(line.get_ydata(), model.trace_)

    def test_progress_is_one_line(self):
        for verbose in (0, 1):
            with contextlib.redirect_stderr(io.StringIO()) as error:
                lvm.Model(MODEL, settings={"K": 2}, verbose=verbose).fit(faithful())
            self.assertEqual("iteration" in error.getvalue(), bool(verbose))
            self.assertNotIn("\n", error.getvalue())

    def test_missing_cells_complete(self):
        X = faithful()
        X[5, 1] = np.nan
        model = lvm.Model(MODEL, settings={"K": 2}).fit(X)
        whole = model.impute(X)
        self.assertEqual(list(whole), ["x1", "x2", "x2_sd"])
        self.assertTrue(np.isfinite(whole["x2"]).all())
        self.assertEqual(np.isfinite(whole["x2_sd"]).sum(), 1)

    def test_diagnostics_are_carried(self):
        with self.assertRaises(lvm.Error) as caught:
            lvm.Model("model m { data y: real\n P(y) = Normal(mu, sd: 1) }").fit(np.zeros((3, 1)))
        first = caught.exception.diagnostics[0]
        self.assertEqual(first["line"], 2)
        self.assertTrue(first["code"].startswith("E"))
        self.assertIn(first["code"], str(caught.exception))
        self.assertIn(first["code"], lvm.explain(first["code"]))
        with self.assertRaises(lvm.Error):
            lvm.load("README.md")

    def test_threads_go_on_during_a_fit(self):
        ticks, done = [], threading.Event()

        def tick():
            while not done.is_set():
                ticks.append(1)
                done.wait(0.001)

        other = threading.Thread(target=tick)
        other.start()
        X = np.random.default_rng(2).normal(size=(200_000, 2))
        before = len(ticks)
        lvm.Model(MODEL, settings={"K": 6}, iterations=10, tolerance=0).fit(X)
        during = len(ticks) - before
        done.set()
        other.join()
        self.assertGreater(during, 3)

    def test_callback_errors_come_back(self):
        def refuse(*_):
            raise RuntimeError("enough")

        model = lvm.Model(MODEL, settings={"K": 2})
        X = faithful()
        table = lvm._lvm.Table([("a", X[:, 0], []), ("b", X[:, 1], [])])
        options = lvm._lvm.Options(iterations=None, restarts=None, tolerance=None, seed=None, accelerate=None, threads=1, updatable=False)
        with self.assertRaisesRegex(RuntimeError, "enough"):
            model._compiled().fit(table, options, refuse, None)

    def test_partial_fit_and_file(self):
        import tempfile
        X = faithful()
        model = lvm.Model(MODEL, settings={"K": 2}, updatable=True)
        model.partial_fit(X[:150]).partial_fit(X[150:])
        with tempfile.NamedTemporaryFile(suffix=".lvmfit") as file:
            model.save(file.name)
            again = lvm.load(file.name)
        np.testing.assert_array_equal(again.parameters_["mean"], model.parameters_["mean"])
        self.assertAlmostEqual(model.score(X) * len(X), -1130.264, delta=2)
        other = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(other.score_samples(X), model.score_samples(X))
        np.testing.assert_array_equal(other.partial_fit(X).parameters_["cov"], model.partial_fit(X).parameters_["cov"])
        with self.assertRaisesRegex(AttributeError, "updatable=True"):
            lvm.Model(MODEL).partial_fit(X)

    def test_pandas(self):
        try:
            import pandas
        except ImportError:
            self.skipTest("pandas is not installed")
        frame = pandas.read_csv("examples/data/faithful.csv")
        model = lvm.Model(MODEL, settings={"K": 2}).fit(frame)
        self.assertEqual(list(model.feature_names_in_), ["eruptions", "waiting"])
        np.testing.assert_array_equal(model.score_samples(frame), lvm.Model(MODEL, settings={"K": 2}).fit(faithful()).score_samples(faithful()))
        survey = pandas.read_csv("examples/data/survey.csv")
        plain = lvm.Model("examples/latent_class.lvm").fit(survey)
        coded = lvm.Model("examples/latent_class.lvm").fit(survey.astype("category"))
        np.testing.assert_array_equal(plain.parameters_["p"], coded.parameters_["p"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
