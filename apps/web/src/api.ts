import type { EvergreenClient } from '@evergreen/client/client.ts';
import {
  hashKey,
  type InfiniteData,
  type QueryKey,
  type UseQueryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useRef } from 'react';
import { type ApiProblem, answerOf } from './problem.ts';
import { useSignedIn } from './session.tsx';

type Call<T> = Promise<{ data?: T; error?: unknown; response: Response }>;
type QueryOptions<T> = Omit<UseQueryOptions<T, ApiProblem>, 'queryKey' | 'queryFn'>;

/**
 * Reads from the API: `useApiQuery(['wallet'], (api) => api.GET('/v1/wallet'))`. The first part of the key says what it is about
 * ('wallet', 'subscriptions', 'plans', 'notifications', ...): the server's hints of changes go by it.
 */
export function useApiQuery<T>(key: QueryKey, ask: (api: EvergreenClient) => Call<T>, options: QueryOptions<T> = {}) {
  const { api } = useSignedIn();
  return useQuery<T, ApiProblem>({ queryKey: key, queryFn: () => answerOf(ask(api)), ...options });
}

interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

/** Reads a list page by page; `items` are those of all pages read so far. */
export function useApiPages<T>(
  key: QueryKey,
  ask: (api: EvergreenClient, cursor: string | undefined) => Call<Page<T>>,
) {
  const { api } = useSignedIn();
  const query = useInfiniteQuery<Page<T>, ApiProblem, InfiniteData<Page<T>>, QueryKey, string | undefined>({
    queryKey: key,
    queryFn: ({ pageParam }) => answerOf(ask(api, pageParam)),
    initialPageParam: undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
  });
  return { ...query, items: query.data?.pages.flatMap(({ data }) => data) };
}

interface MutationOptions<T, V> {
  /** First parts of keys whose queries are read again. */
  invalidates?: readonly string[];
  onSuccess?: (result: T, variables: V) => void;
}

/**
 * Changes something: `const pause = useApiMutation((api, id: string) => api.POST(...), { invalidates: ['subscriptions'] })`. While
 * one call is under way, the same call again does nothing: the second half of a double click comes before the button is disabled.
 */
export function useApiMutation<T, V = void>(
  send: (api: EvergreenClient, variables: V) => Call<T>,
  { invalidates = [], onSuccess }: MutationOptions<T, V> = {},
) {
  const { api } = useSignedIn();
  const queryClient = useQueryClient();
  const underWay = useRef(new Set<string>());
  const mutation = useMutation<T, ApiProblem, V>({
    mutationFn: (variables) => answerOf(send(api, variables)),
    onSuccess: (result, variables) => {
      onSuccess?.(result, variables);
      return Promise.all(invalidates.map((key) => queryClient.invalidateQueries({ queryKey: [key] })));
    },
    onSettled: (_result, _error, variables) => {
      underWay.current.delete(hashKey([variables]));
    },
  });
  const mutate: typeof mutation.mutate = (...call) => {
    const hash = hashKey([call[0]]);
    if (underWay.current.has(hash)) return;
    underWay.current.add(hash);
    mutation.mutate(...call);
  };
  return { ...mutation, mutate };
}
