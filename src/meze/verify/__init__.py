"""Ask and attack the rules: `meze explain` tells why an answer is as it is, `meze verify` proves that rules hold."""
