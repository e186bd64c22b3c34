"""The parts of `scripts/train_test_model`: a small Vosk model for tests, from synthetic speech."""
