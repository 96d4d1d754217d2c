import type { schemas } from '@evergreen/client/generated/api.ts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useSignedIn } from '../session.tsx';
import { advanceClock, type Progress } from './advance-stream.ts';

/** Moving the clock from a page: how far it is, what it led to, and a way to stop it. */
export function useAdvance() {
  const session = useSignedIn();
  const queryClient = useQueryClient();
  const [progress, setProgress] = useState<Progress & { from: string }>();
  const walk = useRef<AbortController>(undefined);
  // The walk goes on only as long as somebody looks at it.
  useEffect(() => () => walk.current?.abort(), []);
  const advancing = useMutation({
    mutationFn: (body: schemas['AdvanceClockBody']) => {
      const controller = new AbortController();
      walk.current = controller;
      setProgress(undefined);
      return advanceClock(session, body, {
        signal: controller.signal,
        onProgress: (now) => setProgress((before) => ({ ...now, from: before?.from ?? now.now })),
      });
    },
    // Everything may be different then.
    onSettled: () => queryClient.invalidateQueries(),
  });
  const isStopped = advancing.isError && walk.current?.signal.aborted === true;
  return {
    advance: advancing.mutate,
    isRunning: advancing.isPending,
    done: advancing.data,
    error: isStopped ? null : advancing.error,
    progress,
    stop: () => walk.current?.abort(),
  };
}
