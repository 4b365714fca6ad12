"""Who may do what: the words of rules, what they come to for one caller, and the decisions made of them."""
