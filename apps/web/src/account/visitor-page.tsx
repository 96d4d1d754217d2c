import { Card, Group, Stack, Text, Title } from '@mantine/core';
import { Leaf } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { LanguageSwitch, ThemeSwitch } from '../layout/switches.tsx';
import classes from './visitor-page.module.css';

/** What signing in and signing up stand in. */
export function VisitorPage({ title, intro, children }: { title: string; intro?: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Evergreen`;
  }, [title]);
  return (
    <div className={classes.page}>
      <Group component="header" justify="space-between" className={classes.header}>
        <Group gap={10}>
          <Leaf size={22} className={classes.leaf ?? ''} aria-hidden />
          <Text fw={650} size="lg">
            Evergreen
          </Text>
        </Group>
        <Group gap={4}>
          <LanguageSwitch />
          <ThemeSwitch />
        </Group>
      </Group>
      <main className={classes.main}>
        <Card className={classes.card ?? ''} padding="xl">
          <Stack gap="lg">
            <Stack gap={6}>
              <Title order={1} size="h2">
                {title}
              </Title>
              {intro ? <Text c="dimmed">{intro}</Text> : null}
            </Stack>
            {children}
          </Stack>
        </Card>
      </main>
    </div>
  );
}
