// PostgreSQL, reachable from the network only. The job `roles` makes the databases, each owned by its service's role.
@description('Name of the server.')
param name string

@description('Region.')
param location string

@description('Burstable for a trial, GeneralPurpose for production.')
@allowed(['Burstable', 'GeneralPurpose'])
param tier string

@description('Size, such as Standard_B1ms or Standard_D2ds_v5.')
param size string

@description('Gigabytes on disk.')
param storageGb int

@description('Days that backups are kept.')
param backupDays int

@description('A standby in another zone takes over within a minute or two. Needs the tier GeneralPurpose.')
param standby bool

@description('Password of the administrator `vigieadmin`, which no service uses.')
@secure()
param administratorPassword string

@description('Subnet delegated to Flexible Server.')
param subnetId string

@description('Private DNS zone.')
param zoneId string

@description('Workspace of the logs.')
param workspaceId string

@description('Tags.')
param tags object

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: size
    tier: tier
  }
  properties: {
    version: '17'
    administratorLogin: 'vigieadmin'
    administratorLoginPassword: administratorPassword
    createMode: 'Default'
    authConfig: {
      activeDirectoryAuth: 'Disabled'
      passwordAuth: 'Enabled'
    }
    storage: {
      storageSizeGB: storageGb
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: backupDays
      geoRedundantBackup: 'Disabled'
    }
    highAvailability: {
      mode: standby ? 'ZoneRedundant' : 'Disabled'
    }
    network: {
      delegatedSubnetResourceId: subnetId
      privateDnsZoneArmResourceId: zoneId
      publicNetworkAccess: 'Disabled'
    }
  }
}

resource tls 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2024-08-01' = {
  parent: server
  name: 'require_secure_transport'
  properties: {
    value: 'on'
    source: 'user-override'
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: server
  properties: {
    workspaceId: workspaceId
    // Statements are not logged by the server (log_statement = none), so no tweet is in here.
    logs: [
      {
        category: 'PostgreSQLLogs'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

output id string = server.id
output host string = server.properties.fullyQualifiedDomainName
