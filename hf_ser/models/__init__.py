"""What travels with a checkpoint: features, configuration and networks. It imports nothing else of hf_ser."""
