import type { QueryConfig } from 'pg';

export interface MutedFact {
  subject_id: string;
  subject_version: number;
}

/** Remembers facts that their owners do not want to hear of. */
export const insertMutedFacts = (facts: MutedFact[]): QueryConfig => ({
  name: 'insert-muted-facts',
  text: `
    INSERT INTO muted_fact (subject_id, subject_version)
    SELECT subject_id, subject_version
    FROM jsonb_to_recordset($1::jsonb) AS fact (subject_id uuid, subject_version int)
    ON CONFLICT DO NOTHING`,
  values: [JSON.stringify(facts)],
});
