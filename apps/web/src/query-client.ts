import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from './problem.ts';

const MAX_RETRIES = 2;

/** What the server has refused, it would refuse again. */
const isWorthRetrying = (error: Error): boolean =>
  !(error instanceof ApiProblem) || error.status >= 500 || error.status === 0;

export const queryClient = new QueryClient({
  defaultOptions: {
    // Without a connection everything fails at once, and says so. What would wait for one instead could pay much later, unasked.
    queries: {
      staleTime: 15_000,
      retry: (failures, error) => failures < MAX_RETRIES && isWorthRetrying(error),
      networkMode: 'always',
      refetchOnReconnect: true,
    },
    mutations: { networkMode: 'always' },
  },
});
