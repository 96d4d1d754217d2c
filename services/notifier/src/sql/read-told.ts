import type { QueryConfig } from 'pg';

export interface ToldRow {
  subjectId: string;
  version: number;
}

/** The newest version that was told of each of these subjects, or would have been, had its owner wanted to hear it. */
export const readTold = (subjectIds: string[]): QueryConfig => ({
  name: 'read-told',
  text: `
    SELECT subject_id AS "subjectId", max(subject_version) AS version FROM (
      SELECT subject_id, subject_version FROM notification WHERE subject_id = ANY ($1::uuid[])
      UNION ALL
      SELECT subject_id, subject_version FROM muted_fact WHERE subject_id = ANY ($1::uuid[])
    ) AS told
    GROUP BY subject_id`,
  values: [subjectIds],
});
