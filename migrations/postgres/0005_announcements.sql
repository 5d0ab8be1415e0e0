-- Announced changes of key and parameters, as they were signed; those of a subnet are numbered from 0.
CREATE TABLE rotation_announcements (
    netuid integer NOT NULL,
    position integer NOT NULL,
    announcement text NOT NULL,
    PRIMARY KEY (netuid, position)
);

CREATE TRIGGER rotation_announcements_are_append_only BEFORE UPDATE ON rotation_announcements
FOR EACH STATEMENT EXECUTE FUNCTION refuse_update();

-- One more kind of entry. What is there has one of the kinds of before, and need not be read again for it.
ALTER TABLE audit DROP CONSTRAINT audit_kind_check;
ALTER TABLE audit ADD CONSTRAINT audit_kind_check
    CHECK (kind IN ('grant', 'refusal', 'deal', 'status', 'rotation')) NOT VALID;
