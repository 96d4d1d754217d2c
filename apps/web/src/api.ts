import type { EvergreenClient } from '@evergreen/client/client.ts';
import {
  type InfiniteData,
  type QueryKey,
  type UseQueryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
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

/** Changes something: `const pause = useApiMutation((api, id: string) => api.POST(...), { invalidates: ['subscriptions'] })`. */
export function useApiMutation<T, V = void>(
  send: (api: EvergreenClient, variables: V) => Call<T>,
  { invalidates = [], onSuccess }: MutationOptions<T, V> = {},
) {
  const { api } = useSignedIn();
  const queryClient = useQueryClient();
  return useMutation<T, ApiProblem, V>({
    mutationFn: (variables) => answerOf(send(api, variables)),
    onSuccess: (result, variables) => {
      onSuccess?.(result, variables);
      return Promise.all(invalidates.map((key) => queryClient.invalidateQueries({ queryKey: [key] })));
    },
  });
}
