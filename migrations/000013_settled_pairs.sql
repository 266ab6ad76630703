-- What an unchanged promotion of a pair follows from, so that it is known without reading documents.

-- SHA-256 of all that the comparison of the source with `base` followed from: the source's version among it. It holds
-- for the base that the job `settled_by` left; whoever writes another base without saying this leaves it behind.
ALTER TABLE config_lineage ADD COLUMN settled_as text, ADD COLUMN settled_by text;

-- The same for the base that this row will leave.
ALTER TABLE config_job_rows ADD COLUMN settled_as text;
