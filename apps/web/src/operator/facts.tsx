import type { ReactNode } from 'react';
import classes from './operator.module.css';

/** Characters that have no room in one column. */
const LONG = 26;

/** What is known of one thing: a label and a value each. */
export function Facts({ facts }: { facts: [label: string, value: ReactNode][] }) {
  return (
    <dl className={classes.facts}>
      {facts.map(([label, value]) => (
        <div key={label} data-long={typeof value === 'string' && value.length > LONG}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The end of an id, which tells one from another; all of it on demand. */
export function ShortId({ id }: { id: string }) {
  return (
    <span className={classes.id} title={id}>
      …{id.slice(-8)}
    </span>
  );
}
