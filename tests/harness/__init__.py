"""What tests use to meet the product as its users do: hubs, a browser, people."""
