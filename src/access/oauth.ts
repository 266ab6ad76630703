import { AsyncLocalStorage } from 'node:async_hooks'

export const SIGN_IN_PAGE = '/sign-in'
export const CONSENT_PAGE = '/oauth/consent'
export const OAUTH_ERROR_PAGE = '/oauth/error'

/** How long an access token lasts, in seconds. */
export const TOKEN_SECONDS = 3600
/** How long a consent, and with it the refresh tokens, lasts, in seconds. */
export const CONSENT_SECONDS = 30 * 24 * 3600

/** The grant that the consent being given now will be stored as: its tokens carry the id as their reference. */
export const grantInConsent = new AsyncLocalStorage<string>()
