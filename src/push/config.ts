import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { ApnsCredentials } from './apns.ts'
import type { FcmCredentials } from './fcm.ts'

export type PushConfig = { apns?: ApnsCredentials; fcm?: FcmCredentials }

/** What the environment says of push; keys are in files, which only the server reads. */
export type PushValues = {
  COUNTERSIGN_APNS_KEY_FILE?: string | undefined
  COUNTERSIGN_APNS_KEY_ID?: string | undefined
  COUNTERSIGN_APNS_TEAM_ID?: string | undefined
  COUNTERSIGN_APNS_TOPIC?: string | undefined
  COUNTERSIGN_APNS_ENDPOINT: string
  COUNTERSIGN_FCM_CREDENTIALS_FILE?: string | undefined
  COUNTERSIGN_FCM_ENDPOINT: string
}

const ServiceAccount = z.object({
  project_id: z.string().min(1),
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  token_uri: z.url(),
})

/** Credentials of push providers; undefined without any. What is wrong is added to `mistakes`, never with a value. */
export function readPush(values: PushValues, mistakes: string[]): PushConfig | undefined {
  const apns = readApns(values, mistakes)
  const fcm = readFcm(values, mistakes)
  return apns || fcm ? { ...(apns ? { apns } : {}), ...(fcm ? { fcm } : {}) } : undefined
}

function readApns(values: PushValues, mistakes: string[]): ApnsCredentials | undefined {
  const needed = {
    COUNTERSIGN_APNS_KEY_FILE: values.COUNTERSIGN_APNS_KEY_FILE,
    COUNTERSIGN_APNS_KEY_ID: values.COUNTERSIGN_APNS_KEY_ID,
    COUNTERSIGN_APNS_TEAM_ID: values.COUNTERSIGN_APNS_TEAM_ID,
    COUNTERSIGN_APNS_TOPIC: values.COUNTERSIGN_APNS_TOPIC,
  }
  const missing = Object.entries(needed).filter(([, value]) => value === undefined)
  if (missing.length === Object.keys(needed).length) return undefined
  for (const [name] of missing)
    mistakes.push(`${name} is required with the other COUNTERSIGN_APNS_ variables`)
  if (missing.length > 0) return undefined
  const file = needed.COUNTERSIGN_APNS_KEY_FILE as string
  const privateKey = readText(file)
  if (privateKey === undefined || !isKey(privateKey, 'ec')) {
    mistakes.push('COUNTERSIGN_APNS_KEY_FILE must be a readable .p8 key of Apple (PKCS 8, P-256)')
    return undefined
  }
  return {
    endpoint: values.COUNTERSIGN_APNS_ENDPOINT,
    keyId: needed.COUNTERSIGN_APNS_KEY_ID as string,
    teamId: needed.COUNTERSIGN_APNS_TEAM_ID as string,
    topic: needed.COUNTERSIGN_APNS_TOPIC as string,
    privateKey,
  }
}

function readFcm(values: PushValues, mistakes: string[]): FcmCredentials | undefined {
  const file = values.COUNTERSIGN_FCM_CREDENTIALS_FILE
  if (file === undefined) return undefined
  const account = ServiceAccount.safeParse(parsed(readText(file)))
  if (!account.success || !isKey(account.data.private_key, 'rsa')) {
    mistakes.push('COUNTERSIGN_FCM_CREDENTIALS_FILE must be a readable key file (JSON) of a service account')
    return undefined
  }
  return {
    endpoint: values.COUNTERSIGN_FCM_ENDPOINT,
    tokenEndpoint: account.data.token_uri,
    projectId: account.data.project_id,
    clientEmail: account.data.client_email,
    privateKey: account.data.private_key,
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

function isKey(pem: string, type: 'ec' | 'rsa'): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem)
    // ES256, which Apple takes, is on this curve
    return asymmetricKeyType === type && (type !== 'ec' || asymmetricKeyDetails?.namedCurve === 'prime256v1')
  } catch {
    return false
  }
}
