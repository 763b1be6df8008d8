package tailrace;

import java.util.Map;
import java.util.Set;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbBean;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSortKey;

/** An item as the enhanced client maps it. */
@DynamoDbBean
public final class Trip {
  private String pk;
  private Integer n;
  private String title;
  private Set<String> tags;
  private Map<String, Double> parts;
  private SdkBytes data;

  @DynamoDbPartitionKey
  public String getPk() {
    return pk;
  }

  public void setPk(String value) {
    pk = value;
  }

  @DynamoDbSortKey
  public Integer getN() {
    return n;
  }

  public void setN(Integer value) {
    n = value;
  }

  public String getTitle() {
    return title;
  }

  public void setTitle(String value) {
    title = value;
  }

  public Set<String> getTags() {
    return tags;
  }

  public void setTags(Set<String> value) {
    tags = value;
  }

  public Map<String, Double> getParts() {
    return parts;
  }

  public void setParts(Map<String, Double> value) {
    parts = value;
  }

  public SdkBytes getData() {
    return data;
  }

  public void setData(SdkBytes value) {
    data = value;
  }
}
