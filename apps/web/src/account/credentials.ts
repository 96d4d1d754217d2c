import { useState } from 'react';
import { useTranslation } from 'react-i18next';

export const MIN_PASSWORD = 8;
/** As far as a browser would check it; the server knows better. */
const EMAIL = /^[^\s@]+@[^\s@]+$/;

interface Credentials {
  email: string;
  password: string;
  setEmail: (email: string) => void;
  setPassword: (password: string) => void;
  /** What is wrong with each field, once somebody has tried to send the form. */
  errors: { email: string | undefined; password: string | undefined };
  /** Shows what is wrong from now on, and tells whether anything is. */
  check: () => boolean;
}

/**
 * The two fields of signing in and up, checked in the language of the page.
 * @param minPassword characters
 * @param known what the fields begin with
 */
export function useCredentials(minPassword: number, known = { email: '', password: '' }): Credentials {
  const { t } = useTranslation();
  const [email, setEmail] = useState(known.email);
  const [password, setPassword] = useState(known.password);
  const [wasSent, setWasSent] = useState(false);
  const emailError =
    email.trim() === '' ? t('field.required') : EMAIL.test(email.trim()) ? undefined : t('field.emailInvalid');
  const shortPassword = minPassword > 1 ? t('field.passwordShort') : t('field.required');
  const passwordError = password.length < minPassword ? shortPassword : undefined;
  return {
    email: email.trim(),
    password,
    setEmail,
    setPassword,
    errors: { email: wasSent ? emailError : undefined, password: wasSent ? passwordError : undefined },
    check: () => {
      setWasSent(true);
      return emailError === undefined && passwordError === undefined;
    },
  };
}
