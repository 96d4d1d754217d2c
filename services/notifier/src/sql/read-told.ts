import type { QueryConfig } from 'pg';

export interface ToldRow {
  subjectId: string;
  version: number;
}

/** The newest version that was told of each of these subjects. */
export const readTold = (subjectIds: string[]): QueryConfig => ({
  name: 'read-told',
  text: `
    SELECT subject_id AS "subjectId", max(subject_version) AS version FROM notification
    WHERE subject_id = ANY ($1::uuid[]) GROUP BY subject_id`,
  values: [subjectIds],
});
