import { useTranslation } from 'react-i18next';
import { Page } from '../components/page.tsx';

export function Profile() {
  const { t } = useTranslation();
  return <Page title={t('user.profile')}>{null}</Page>;
}
