import Stripe from 'stripe'

type HttpClient = ReturnType<typeof Stripe.createNodeHttpClient>

/**
 * The official client's own transport, except that a connection that ends is no more than a failure: the client would
 * otherwise ask once more by itself (stripe-node's `_shouldRetry`), past the account's rate.
 */
export function transport(): HttpClient {
  const inner = Stripe.createNodeHttpClient()
  const client: HttpClient = Object.create(inner)
  client.makeRequest = async (...request) => {
    try {
      return await inner.makeRequest(...request)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // the client tells a timeout by its code
      throw code === 'ETIMEDOUT' ? error : new Error('The connection to Stripe failed.')
    }
  }
  return client
}
