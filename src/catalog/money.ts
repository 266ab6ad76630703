/** ISO 4217, the currencies that people pay with: without funds, metals, test codes and what was withdrawn. */
const CODES =
  'aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd cad cdf chf ' +
  'clp cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl htg ' +
  'huf idr ils inr iqd irr isk jmd jod jpy kes kgs khr kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl mga ' +
  'mkd mmk mnt mop mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd ' +
  'rub rwf sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc syp szl thb tjs tmt tnd top try ttd twd tzs uah ugx ' +
  'usd uyu uzs ves vnd vuv wst xaf xcd xcg xof xpf yer zar zmw zwg'
const CURRENCIES: ReadonlySet<string> = new Set(CODES.split(' '))

export const isCurrency = (code: string): boolean => CURRENCIES.has(code)

/** Digits after the point in Stripe's amounts, where they are not two: https://docs.stripe.com/currencies */
const DIGITS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ').map((code) => [code, 0]),
  ),
  ...Object.fromEntries('bhd iqd jod kwd lyd omr tnd'.split(' ').map((code) => [code, 3])),
}

/** What Stripe's amounts must be a multiple of: three digits are kept to two, two without a smaller coin to none. */
const STEPS: Readonly<Record<string, number>> = {
  bhd: 10,
  jod: 10,
  kwd: 10,
  omr: 10,
  tnd: 10,
  isk: 100,
  ugx: 100,
}

/** Eight digits, the most that Stripe takes. */
export const MOST = 99_999_999

/** How many digits after the point an amount has; amounts count the smallest unit (80.00 USD is 8000, 80 JPY is 80). */
export const digitsOf = (currency: string): number => DIGITS[currency] ?? 2

/** What is wrong with an amount of a currency, if anything. */
export function amountMistake(amountCents: number, currency: string): string | undefined {
  const step = STEPS[currency] ?? 1
  return amountCents % step === 0 ? undefined : `must be a multiple of ${step} in ${currency.toUpperCase()}`
}

/** An amount as people read it: `$80.00`, `¥8,000`, `CHF 80.00`. */
export function formatMoney(amountCents: number, currency: string): string {
  const digits = digitsOf(currency)
  const text = new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(amountCents / 10 ** digits)
  // it is typed by people who confirm it
  return text.replaceAll('\u00a0', ' ')
}

/** A price with how often it is paid: `$12.00 a month`. */
export const formatPrice = (price: {
  amountCents: number
  currency: string
  interval: string | null
}): string =>
  `${formatMoney(price.amountCents, price.currency)}${price.interval ? ` a ${price.interval}` : ''}`
