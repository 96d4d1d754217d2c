import { type Money, useFormat } from '../format.ts';

interface Props {
  value: Money;
  /** Shows + before what came in. */
  signed?: boolean;
}

/** An amount whose digits line up with those above and below it. */
export function Amount({ value, signed = false }: Props) {
  const format = useFormat();
  return <span className="num">{signed ? format.signedMoney(value) : format.money(value)}</span>;
}
