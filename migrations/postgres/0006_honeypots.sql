-- Salt and decoys of an epoch as JSON: their hash is shown at once, they themselves when it has ended.
ALTER TABLE epochs ADD COLUMN honeypots text;
