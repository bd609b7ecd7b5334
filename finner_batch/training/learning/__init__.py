"""Fine-tuning: base encoders, the training loop, passes, checkpoints, tracking."""
