"""What the server can do. Each use case talks to ports only; the store decides every race."""
