import type { ReactNode } from 'react';
import classes from './rows.module.css';

/** Names and what they stand for; those without a value are left out. */
export function Facts({ items }: { items: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={classes.facts}>
      {items
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => [<dt key={`${name}.name`}>{name}</dt>, <dd key={`${name}.value`}>{value}</dd>])}
    </dl>
  );
}
