// The app settings of one slot, from containers.json, the vault's references and what only this deployment knows.
@description('Address of the vault, with the slash at its end.')
param vaultUri string

@description('Name of setting -> value, of every setting that containers.json calls computed.')
param computed object

@description('Secrets that are not in the vault: the settings that would refer to them stay empty.')
param absentSecrets array

@description('Of the staging slot: its API has a database of its own.')
param staging bool

var containers = loadJsonContent('../containers.json')
var all = [containers.gateway, containers.ui, containers.api, containers.mlflow]
var plain = union(all[0].settings, all[1].settings, all[2].settings, all[3].settings)
var secrets = union(all[0].secrets, all[1].secrets, all[2].secrets, all[3].secrets)
var ofTheSlot = staging ? ['VIGIE_API_DATABASE_URL'] : []

var fromFile = [for item in items(plain): {
  name: item.key
  value: item.value
}]
var fromVault = [for item in items(secrets): {
  name: item.key
  // A reference to a secret that is not there would arrive as the reference's own text.
  value: contains(absentSecrets, item.value) ? '' : '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${item.value}${contains(ofTheSlot, item.key) ? '-staging' : ''})'
}]
var fromHere = [for item in items(computed): {
  name: item.key
  value: item.value
}]
// The platform's own: how long containers may take to start, and what a slot must answer before it is swapped in.
var ofThePlatform = [
  {
    name: 'WEBSITES_CONTAINER_START_TIME_LIMIT'
    value: '600'
  }
  {
    name: 'WEBSITE_SWAP_WARMUP_PING_PATH'
    value: '/api/readyz'
  }
  {
    name: 'WEBSITE_SWAP_WARMUP_PING_STATUSES'
    value: '200'
  }
]

output appSettings array = concat(fromFile, fromVault, fromHere, ofThePlatform)
