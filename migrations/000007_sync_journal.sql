-- What a job that is taken back must be able to put back, and what a job must not lose when its process dies.

-- `derived`: ids that the target made within what it created, by the symbol that stands for each in the plan.
-- `pre_lineage`: the pair of this row as it was before the job recorded it anew; null: there was none.
ALTER TABLE config_journal ADD COLUMN derived jsonb, ADD COLUMN pre_lineage json;

-- What both sides are after this, from where it goes into the pair as it is. Apart from the plan, which is read whole.
ALTER TABLE config_job_rows ADD COLUMN base json;
