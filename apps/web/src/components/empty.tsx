import { Stack, Text, ThemeIcon } from '@mantine/core';
import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';

interface Props {
  icon: LucideIcon;
  title: string;
  text?: string;
  /** What to do about it. */
  children?: ReactNode;
}

/** A place where there is nothing yet, and what would bring something. */
export function Empty({ icon: Icon, title, text, children }: Props) {
  return (
    <Stack align="center" gap="xs" py="xl" ta="center">
      <ThemeIcon variant="light" size={48} radius="xl">
        <Icon size={22} strokeWidth={1.75} aria-hidden />
      </ThemeIcon>
      <Text fw={600} mt="xs">
        {title}
      </Text>
      {text ? (
        <Text c="dimmed" size="sm" maw={380}>
          {text}
        </Text>
      ) : null}
      {children ? <div style={{ marginTop: 8 }}>{children}</div> : null}
    </Stack>
  );
}
