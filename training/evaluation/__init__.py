"""How good a model is: metrics, intervals, calibration."""
