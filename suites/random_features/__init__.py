"""Random features: the survey of Deng and Liu."""
