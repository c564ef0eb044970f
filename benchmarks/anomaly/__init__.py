"""Anomaly detection, measured: every detector on every set that is fit for it, in every regime.

`python -m benchmarks.anomaly -o DIR` writes `anomaly.json` and `anomaly.md`. What is fixed:

* Thresholds come from training windows only; parameters are the defaults, the same for every set.
* The seeds are those of `runs.SEEDS`; slow detectors run the first two. The default detector was
  developed on hdfs-2percent with splits of these seeds, so its figures there are not held out.
  A figure is the mean over seeds, with the lowest F1 beside it.
* Beside every F1 stand prevalence, split, ceiling, F1 of flagging everything, share of the test
  windows whose counts occur in training, source of the threshold, average precision, false positive
  rate and CPU seconds.
* A set where no detector could do well, or whose prevalence is made up, gets no F1 but the reason.
* Sets that have all abnormal sessions and few normal ones are weighted to the true prevalence of
  2.93 %; where training is contaminated, that share of abnormal sessions is drawn.
"""
