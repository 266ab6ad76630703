import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../harness/database.ts'
import { schemaSql } from './schema.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

test('[D-42] the dump shows each kind of thing that a migration makes', async () => {
  const { db } = database
  const before = await schemaSql(db)
  expect(await schemaSql(db)).toBe(before)
  await db.query(sql`CREATE TABLE zoo (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL DEFAULT 'x' CHECK (name <> ''),
    twice text GENERATED ALWAYS AS (name || name) STORED, parent bigint REFERENCES zoo (id))`)
  await db.query(sql`CREATE INDEX zoo_names ON zoo (lower(name)) WHERE parent IS NULL`)
  await db.query(sql`CREATE FUNCTION zoo_count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM zoo'`)
  const added = (await schemaSql(db)).split('\n').filter((line) => !before.split('\n').includes(line))
  for (const expected of [
    'CREATE TABLE public.zoo (',
    '  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,',
    "  name text NOT NULL DEFAULT 'x'::text,",
    '  twice text GENERATED ALWAYS AS ((name || name)) STORED,',
    "ALTER TABLE public.zoo ADD CONSTRAINT zoo_name_check CHECK ((name <> ''::text));",
    'ALTER TABLE public.zoo ADD CONSTRAINT zoo_parent_fkey FOREIGN KEY (parent) REFERENCES zoo(id);',
    'CREATE INDEX zoo_names ON public.zoo USING btree (lower(name)) WHERE (parent IS NULL);',
    'CREATE OR REPLACE FUNCTION public.zoo_count()',
  ])
    expect(added).toContain(expected)
})

test('[D-43] a kind that the dump does not know is refused rather than left out', async () => {
  const { db } = database
  await db.query(sql`CREATE TYPE mood AS ENUM ('good')`)
  await db.query(sql`CREATE VIEW one AS SELECT 1 AS one`)
  await expect(schemaSql(db)).rejects.toThrow(
    /does not know how to write (one \(v\), mood \(type\)|mood.*one)/,
  )
})
