"""The pure core: text in, decision out. No audio, no clock of its own, no threads."""
