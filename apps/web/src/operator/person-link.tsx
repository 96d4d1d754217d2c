import { Anchor } from '@mantine/core';
import { Link } from 'react-router';
import { useApiQuery } from '../api.ts';
import { ShortId } from './facts.tsx';

const STALE_MS = 300_000;

/** The account with this id. */
export const usePerson = (id: string) =>
  useApiQuery(['operator', 'user', id], (api) => api.GET('/v1/operator/users/{id}', { params: { path: { id } } }), {
    staleTime: STALE_MS,
  });

/** Somebody by their email, once it is known. */
export function PersonLink({ id }: { id: string }) {
  const person = usePerson(id);
  return (
    <Anchor component={Link} to={`/operator/people/${id}`} size="sm" c="inherit" display="inline-block" py={4}>
      {person.data?.email ?? <ShortId id={id} />}
    </Anchor>
  );
}
