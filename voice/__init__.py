"""The shell: microphone, recognisers, synthesis, speaker, the loop and the command line."""
