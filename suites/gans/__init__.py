"""GAN optimisers: optimism, negative momentum and consensus, from the bilinear game to MNIST (Ghanekar, Little, Liu)."""
