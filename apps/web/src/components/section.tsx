import { Card, Group, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import classes from './rows.module.css';

interface Props {
  title: string;
  text?: string;
  /** At the right of the heading. */
  side?: ReactNode;
  children: ReactNode;
}

/** A part of a page with a heading of its own. */
export function Section({ title, text, side, children }: Props) {
  const id = useId();
  return (
    <Card component="section" aria-labelledby={id}>
      <Stack gap="md">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Stack gap={2}>
            <Title order={2} size="h4" id={id}>
              {title}
            </Title>
            {text ? (
              <Text c="dimmed" size="sm">
                {text}
              </Text>
            ) : null}
          </Stack>
          <div className={classes.side}>{side}</div>
        </Group>
        {children}
      </Stack>
    </Card>
  );
}
