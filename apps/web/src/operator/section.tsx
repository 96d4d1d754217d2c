import { Card, Group, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './operator.module.css';

interface Props {
  title: string;
  intro?: ReactNode;
  actions?: ReactNode;
  /** A table goes to the edges of its card. */
  flush?: boolean;
  children: ReactNode;
}

/** A part of a page with its own heading. */
export function Section({ title, intro, actions, flush = false, children }: Props) {
  return (
    <Card component="section" padding={0} className={classes.section ?? ''} aria-label={title}>
      <Group justify="space-between" align="flex-start" px="lg" pt="md" pb={flush ? 'sm' : 'xs'} gap="sm">
        <Stack gap={2} className={classes.grow ?? ''}>
          <Title order={2} size="h4">
            {title}
          </Title>
          {intro ? (
            <Text size="sm" c="dimmed">
              {intro}
            </Text>
          ) : null}
        </Stack>
        {actions ? (
          <Group gap="xs" className={classes.actions ?? ''}>
            {actions}
          </Group>
        ) : null}
      </Group>
      <div className={flush ? undefined : classes.body}>{children}</div>
    </Card>
  );
}
