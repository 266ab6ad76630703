import { openPlace } from './sync-model-place.ts'

/** A place in a process of its own, until that is ended. */
const { choosesIds } = JSON.parse(process.env.PLACE as string)
const { url } = await openPlace({ choosesIds })
console.log(JSON.stringify({ serving: true, url }))
