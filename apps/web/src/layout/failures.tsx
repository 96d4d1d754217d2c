import { Button, Center, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Center mih="50vh">
      <Stack align="center" gap="xs">
        <Title order={1} size="h2">
          {t('notFound.title')}
        </Title>
        <Text c="dimmed">{t('notFound.text')}</Text>
        <Button component={Link} to="/" mt="md">
          {t('notFound.home')}
        </Button>
      </Stack>
    </Center>
  );
}

/** A page that broke, or whose code could not be loaded, as after a new release. */
export function RouteFailure() {
  const { t } = useTranslation();
  return (
    <Center mih="50vh" role="alert">
      <Stack align="center" gap="xs">
        <Title order={1} size="h2">
          {t('failure.title')}
        </Title>
        <Text c="dimmed">{t('failure.text')}</Text>
        <Button mt="md" onClick={() => location.reload()}>
          {t('failure.reload')}
        </Button>
      </Stack>
    </Center>
  );
}
